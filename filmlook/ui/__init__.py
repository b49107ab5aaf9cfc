"""Gradio components that know nothing of the WebUI: its tabs and the stand-alone page are built from them."""
