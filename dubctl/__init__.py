"""dubctl: dub a silent film clip with the prompt's voice, the actor's timing and the scene's emotion."""

__version__ = "0.1.0"
