"""Pictures of poses: a scene, and the page, PNG or GIF made of it."""
