"""The main job: a clip, a script and a prompt in; a dubbed clip and its report out."""
