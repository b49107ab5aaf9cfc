"""Help with prompts: which checkpoint is chosen, what is known of it, and what in the prompt and the settings is amiss.

Nothing here knows the WebUI or a user interface; all of it is text in, findings out.
"""
