"""Pictures of poses: a scene, and web page, PNG and GIF files of it."""
