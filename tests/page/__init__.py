"""The stand-alone page in headless Chromium: what people do, and what they see."""
