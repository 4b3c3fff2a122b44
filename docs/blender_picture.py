"""Draws a BVH file as Blender imports it, along the bones; `make_pictures.py` runs it inside Blender.

blender -b --factory-startup -P docs/blender_picture.py -- pose.bvh picture.png FRAME
"""

import builtins
import sys

import addon_utils
import bpy
from mathutils import Vector

PIXELS = 420
COLOURS = {"Left": (0.0, 0.15, 0.5, 1.0), "Right": (0.65, 0.07, 0.0, 1.0), "": (0.03, 0.04, 0.06, 1.0)}


def main(bvh: str, png: str, frame: int) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("io_anim_bvh")
    plain_open = builtins.open  # an importer of Blender 3 opens files with "U", a mode that Python 3.11 does not have
    builtins.open = lambda file, mode="r", *rest, **named: plain_open(file, mode.replace("U", ""), *rest, **named)
    bpy.ops.import_anim.bvh(filepath=bvh, global_scale=0.01, update_scene_fps=True, update_scene_duration=True)
    armature, scene = bpy.context.object, bpy.context.scene
    scene.frame_set(frame)
    ends = []
    for bone in armature.pose.bones:
        ends += [armature.matrix_world @ bone.head, armature.matrix_world @ bone.tail]
        side = next(side for side in COLOURS if bone.name.startswith(side))
        draw_bone(ends[-2], ends[-1], COLOURS[side])
    middle = sum(ends, Vector()) / len(ends)
    bpy.ops.mesh.primitive_plane_add(size=6, location=(middle.x, middle.y, 0))
    bpy.context.object.color = (0.6, 0.62, 0.66, 1.0)
    look_at(scene, middle)
    scene.world = bpy.data.worlds.new("grey")
    scene.world.color = (0.55, 0.55, 0.55)
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "OBJECT"
    scene.display.shading.show_shadows = True
    scene.render.resolution_x = scene.render.resolution_y = PIXELS
    scene.render.image_settings.color_mode, scene.render.image_settings.compression = "RGB", 100
    scene.render.filepath = png
    bpy.ops.render.render(write_still=True)


def draw_bone(head: Vector, tail: Vector, colour: tuple[float, ...]) -> None:
    along = tail - head
    if along.length < 1e-4:
        return
    bpy.ops.mesh.primitive_cylinder_add(radius=0.02, depth=along.length, location=(head + tail) / 2)
    bpy.context.object.rotation_euler = along.to_track_quat("Z", "Y").to_euler()
    bpy.context.object.color = colour
    for end in (head, tail):
        bpy.ops.mesh.primitive_uv_sphere_add(radius=0.03, location=end)
        bpy.context.object.color = colour


def look_at(scene: "bpy.types.Scene", middle: Vector) -> None:
    """From in front of the person, at eye level."""
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location = (middle.x + 1.5, middle.y - 3.6, 1.6)
    towards = Vector((middle.x, middle.y, 0.8)) - camera.location
    camera.rotation_euler = towards.to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera


arguments = sys.argv[sys.argv.index("--") + 1 :]
main(arguments[0], arguments[1], int(arguments[2]))
