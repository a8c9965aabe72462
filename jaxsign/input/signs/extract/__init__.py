"""Videos -> clips: every frame's landmarks by MediaPipe, one Clip file a video, resumable."""
