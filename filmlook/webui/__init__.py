"""The only room that knows the WebUI: everything here may import `modules.*`, nothing else does."""
