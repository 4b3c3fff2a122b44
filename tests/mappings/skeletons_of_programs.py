"""Skeletons as programs and collections name and build them: joint names and tree, with the sizes of one person.

Each is written as chains: from the root upwards the trunk, and for one side arm and leg, whose names hold "{S}". A
joint stands as NAME:ROLE; roles are places of the body below. "*" is the end of a bone (BVH End Site), and "+" a joint
that hangs on the one before without being followed (a thumb). Names are as the programs write them; sizes are invented.
"""

import re
from dataclasses import dataclass

import numpy as np

from srnet_core.geometry.rotation import rotation_about
from srnet_core.motion import Motion

# metres, z up, facing -y, arms sideways; the left side is at +x
PLACES = {
    "floor": (0, 0, 0),
    "pelvis": (0, 0, 0.95),
    "low": (0, 0.01, 1.05),
    "mid": (0, 0.02, 1.17),
    "chest": (0, 0.02, 1.28),
    "upper": (0, 0.02, 1.38),
    "neck": (0, 0.01, 1.48),
    "neck2": (0, 0, 1.53),
    "head": (0, 0, 1.58),
    "top": (0, 0, 1.76),
    "eye": (0.03, -0.08, 1.66),
    "nose": (0, -0.1, 1.62),
    "buttock": (0.05, 0, 0.96),
    "hip": (0.09, 0, 0.92),
    "thigh": (0.09, -0.005, 0.71),
    "knee": (0.09, -0.01, 0.5),
    "shin": (0.09, 0, 0.295),
    "ankle": (0.09, 0.01, 0.09),
    "toe": (0.09, -0.13, 0.02),
    "tip": (0.09, -0.2, 0.02),
    "clavicle": (0.03, 0, 1.44),
    "shoulder": (0.17, 0.01, 1.43),
    "arm": (0.31, 0.015, 1.425),
    "elbow": (0.45, 0.02, 1.42),
    "forearm": (0.575, 0.01, 1.42),
    "wrist": (0.7, 0, 1.42),
    "palm": (0.75, 0, 1.42),
    "finger": (0.8, 0, 1.42),
    "fingertip": (0.88, 0, 1.42),
    "thumb": (0.74, -0.04, 1.41),
}
FINGERS = " {S}HandThumb1:thumb+ {S}HandIndex1:finger *:fingertip"
MIXAMO_TRUNK = "Hips:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Head:head HeadTop_End:top"
MIXAMO_LEG = "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe {S}Toe_End:tip"
MIXAMO_ARM = "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist" + FINGERS
BIPED_LEG = "{S} Thigh:hip {S} Calf:knee {S} Foot:ankle {S} Toe0:toe *:tip"
BIPED_ARM = "{S} Clavicle:clavicle {S} UpperArm:shoulder {S} Forearm:elbow {S} Hand:wrist {S} Finger0:thumb+ *:finger"
BIOVISION_LEG = "{S}Hip:hip {S}Knee:knee {S}Ankle:ankle {S}Toe:toe *:tip"
BIOVISION_ARM = "{S}Collar:clavicle {S}Shoulder:shoulder {S}Elbow:elbow {S}Wrist:wrist *:finger"
UNREAL_LEG = (
    "thigh_{S}:hip thigh_twist_01_{S}:thigh+ calf_{S}:knee calf_twist_01_{S}:shin+ foot_{S}:ankle ball_{S}:toe *:tip"
)
UNREAL_ARM = (
    "clavicle_{S}:clavicle upperarm_{S}:shoulder upperarm_twist_01_{S}:arm+ lowerarm_{S}:elbow "
    "lowerarm_twist_01_{S}:forearm+ hand_{S}:wrist thumb_01_{S}:thumb+ index_01_{S}:finger *:fingertip"
)
VRM_TRUNK = "Hips:pelvis Spine:low Chest:mid UpperChest:chest@ Neck:neck Head:head *:top"
VRM_LEG = "{S}UpperLeg:hip {S}LowerLeg:knee {S}Foot:ankle {S}Toes:toe *:tip"
VRM_ARM = "{S}Shoulder:clavicle {S}UpperArm:shoulder {S}LowerArm:elbow {S}Hand:wrist *:finger"
POSER_ARM = (
    "{S}Collar:clavicle {S}Shldr:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}Thumb1:thumb+ {S}Mid1:finger *:fingertip"
)

LEFT_RIGHT = ("Left", "Right")
# name: (sides, trunk, leg, arm, prefix of all names); "@" marks the joint of the trunk that the arms hang on
SKELETONS = {
    "cgspeed CMU": (
        LEFT_RIGHT,
        "Hips:pelvis LowerBack:pelvis Spine:low Spine1:upper@ Neck:upper Neck1:neck Head:head *:top",
        "{s}HipJoint:pelvis {S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:upper {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {s}Thumb:thumb+ {S}FingerBase:wrist "
        "{S}HandIndex1:finger *:fingertip",
    ),
    "Mixamo": (LEFT_RIGHT, MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM, "mixamorig:"),
    "Mixamo, numbered": (LEFT_RIGHT, MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM, "mixamorig9:"),
    "Mixamo in Blender": (LEFT_RIGHT, MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM, "mixamorig_"),
    "Mixamo without its colon": (LEFT_RIGHT, MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM, "mixamorig"),
    "MotionBuilder": (LEFT_RIGHT, "reference:floor " + MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM),
    "MotionBuilder, a character": (
        LEFT_RIGHT,
        "Reference:floor " + MIXAMO_TRUNK,
        MIXAMO_LEG,
        MIXAMO_ARM,
        "Character1_",
    ),
    "Maya QuickRig": (LEFT_RIGHT, "Reference:floor " + MIXAMO_TRUNK, MIXAMO_LEG, MIXAMO_ARM, "QuickRigCharacter_"),
    "HumanIK with rolls": (
        LEFT_RIGHT,
        MIXAMO_TRUNK,
        "{S}UpLeg:hip {S}UpLegRoll:thigh+ {S}Leg:knee {S}LegRoll:shin+ {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ArmRoll:arm+ {S}ForeArm:elbow {S}ForeArmRoll:forearm+ {S}Hand:wrist "
        "*:finger",
    ),
    "LaFAN1": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}Toe:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
    ),
    "100STYLE, Xsens BVH": (
        LEFT_RIGHT,
        "Hips:pelvis Chest:low Chest2:mid Chest3:chest Chest4:upper@ Neck:neck Head:head *:top",
        BIOVISION_LEG,
        BIOVISION_ARM,
    ),
    "Xsens segments": (
        LEFT_RIGHT,
        "Pelvis:pelvis L5:low L3:low T12:mid T8:chest@ Neck:neck Head:head *:top",
        "{S}UpperLeg:hip {S}LowerLeg:knee {S}Foot:ankle {S}Toe:toe *:tip",
        "{S}Shoulder:clavicle {S}UpperArm:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
    ),
    "Biovision": (
        LEFT_RIGHT,
        "Hips:pelvis Chest:low@ Neck:neck Head:head *:top",
        "{S}Hip:hip {S}Knee:knee {S}Ankle:ankle *:toe",
        BIOVISION_ARM,
    ),
    "Biovision, older": (
        LEFT_RIGHT,
        "Hips:pelvis Chest:low@ Neck:neck Head:head *:top",
        "{S}UpLeg:hip {S}LowLeg:knee {S}Foot:ankle *:toe",
        "{S}Collar:clavicle {S}UpArm:shoulder {S}LowArm:elbow {S}Hand:wrist *:finger",
    ),
    "Truebones": (
        LEFT_RIGHT,
        "Hips:pelvis Chest:low CS_BVH:chest@ Neck:neck Head:head *:top",
        "{S}Hip:hip {S}Knee:knee {S}Ankle:ankle *:toe",
        BIOVISION_ARM,
    ),
    "Rokoko": (
        LEFT_RIGHT,
        "Root:floor Hips:pelvis Spine1:low Spine2:mid Spine3:chest Spine4:upper@ Neck:neck Head:head *:top",
        "{S}Thigh:hip {S}Shin:knee {S}Foot:ankle {S}Toe:toe {S}ToeTip:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}Finger1Metacarpal:thumb+ "
        "{S}Finger2Metacarpal:palm {S}Finger2Proximal:finger *:fingertip",
    ),
    "Perception Neuron": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Spine2:chest Spine3:upper@ Neck:neck Head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle *:toe",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandThumb1:thumb+ {S}InHandIndex:palm "
        "{S}HandIndex1:finger *:fingertip",
    ),
    "Perception Neuron, Axis Studio": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Neck1:neck2 Head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle *:toe",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
    ),
    "Poser": (
        ("l", "r"),
        "hip:pelvis abdomen:low chest:chest@ neck:neck head:head leftEye:eye+ *:top",
        "{S}Buttock:buttock {S}Thigh:hip {S}Shin:knee {S}Foot:ankle *:toe",
        POSER_ARM,
    ),
    "Second Life": (
        ("l", "r"),
        "hip:pelvis abdomen:low chest:chest@ neck:neck head:head figureHair:top *:top",
        "{S}Thigh:hip {S}Shin:knee {S}Foot:ankle *:toe",
        "{S}Collar:clavicle {S}Shldr:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
    ),
    "Second Life Bento": (
        LEFT_RIGHT,
        "mPelvis:pelvis mTorso:low mChest:chest@ mNeck:neck mHead:head mSkull:top *:top",
        "mHip{S}:hip mKnee{S}:knee mAnkle{S}:ankle mFoot{S}:toe mToe{S}:tip *:tip",
        "mCollar{S}:clavicle mShoulder{S}:shoulder mElbow{S}:elbow mWrist{S}:wrist mHandIndex1{S}:finger *:fingertip",
    ),
    "DAZ Genesis 8": (
        ("l", "r"),
        "hip:pelvis abdomenLower:low abdomenUpper:mid chestLower:chest chestUpper:upper@ neckLower:neck "
        "neckUpper:neck2 "
        "head:head *:top",
        "pelvis:pelvis {S}ThighBend:hip {S}ThighTwist:thigh {S}Shin:knee {S}Foot:ankle "
        "{S}Metatarsals:toe {S}Toe:tip *:tip",
        "{S}Collar:clavicle {S}ShldrBend:shoulder {S}ShldrTwist:arm {S}ForearmBend:elbow {S}ForearmTwist:forearm "
        "{S}Hand:wrist {S}Thumb1:thumb+ {S}Carpal1:palm {S}Index1:finger *:fingertip",
    ),
    "DAZ Genesis 9": (
        ("l", "r"),
        "hip:pelvis spine1:low spine2:mid spine3:chest spine4:upper@ neck1:neck neck2:neck2 head:head *:top",
        "pelvis:pelvis {S}_thigh:hip {S}_thightwist1:thigh+ {S}_shin:knee {S}_foot:ankle "
        "{S}_metatarsal:toe {S}_toes:tip *:tip",
        "{S}_shoulder:clavicle {S}_upperarm:shoulder {S}_forearm:elbow {S}_hand:wrist {S}_thumb1:thumb+ "
        "{S}_index1:finger "
        "*:fingertip",
    ),
    "3ds Max Biped": (
        ("L", "R"),
        "Pelvis:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Head:head *:top",
        BIPED_LEG,
        BIPED_ARM,
        "Bip01 ",
    ),
    "3ds Max Biped, newer": (
        ("L", "R"),
        ":pelvis Pelvis:pelvis Spine:low Spine1:mid Neck:neck@ Head:head *:top",
        BIPED_LEG,
        BIPED_ARM,
        "Bip001 ",
    ),
    "3ds Max Biped with underscores": (
        ("L", "R"),
        "Pelvis:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Head:head *:top",
        BIPED_LEG.replace("{S} ", "{S}_"),
        BIPED_ARM.replace("{S} ", "{S}_"),
        "Bip01_",
    ),
    "Valve": (
        ("L", "R"),
        "Pelvis:pelvis Spine:low Spine1:mid Spine2:chest Spine4:upper@ Neck1:neck Head1:head *:top",
        "{S}_Thigh:hip {S}_Calf:knee {S}_Foot:ankle {S}_Toe0:toe *:tip",
        "{S}_Clavicle:clavicle {S}_UpperArm:shoulder {S}_Forearm:elbow {S}_Hand:wrist "
        "{S}_Finger0:thumb+ {S}_Finger1:finger "
        "*:fingertip",
        "ValveBiped.Bip01_",
    ),
    "Unreal 4": (
        ("l", "r"),
        "root:floor pelvis:pelvis spine_01:low spine_02:mid spine_03:chest@ neck_01:neck head:head *:top",
        UNREAL_LEG,
        UNREAL_ARM,
    ),
    "Unreal 5": (
        ("l", "r"),
        "root:floor pelvis:pelvis spine_01:low spine_02:low spine_03:mid spine_04:chest spine_05:upper@ neck_01:neck "
        "neck_02:neck2 head:head *:top",
        UNREAL_LEG,
        UNREAL_ARM,
    ),
    "Rigify": (
        ("L", "R"),
        "spine:pelvis spine.001:low spine.002:mid spine.003:chest@ spine.004:neck spine.005:neck2 spine.006:head *:top",
        "thigh.{S}:hip shin.{S}:knee foot.{S}:ankle toe.{S}:toe *:tip",
        "shoulder.{S}:clavicle upper_arm.{S}:shoulder forearm.{S}:elbow hand.{S}:wrist "
        "f_index.01.{S}:finger *:fingertip",
    ),
    "Rigify, bones that deform": (
        ("L", "R"),
        "DEF-spine:pelvis DEF-spine.001:low DEF-spine.002:mid DEF-spine.003:chest@ DEF-neck:neck DEF-head:head *:top",
        "DEF-thigh.{S}:hip DEF-thigh.{S}.001:thigh DEF-shin.{S}:knee DEF-shin.{S}.001:shin DEF-foot.{S}:ankle "
        "DEF-toe.{S}:toe *:tip",
        "DEF-shoulder.{S}:clavicle DEF-upper_arm.{S}:shoulder DEF-upper_arm.{S}.001:arm DEF-forearm.{S}:elbow "
        "DEF-forearm.{S}.001:forearm DEF-hand.{S}:wrist *:finger",
    ),
    "Unity": (LEFT_RIGHT, VRM_TRUNK, VRM_LEG, VRM_ARM),
    "VRM": (
        ("left", "right"),
        "hips:pelvis spine:low chest:mid upperChest:chest@ neck:neck head:head *:top",
        VRM_LEG,
        VRM_ARM,
    ),
    "VRoid": (
        ("L", "R"),
        "Root:floor J_Bip_C_Hips:pelvis J_Bip_C_Spine:low J_Bip_C_Chest:mid J_Bip_C_UpperChest:chest@ "
        "J_Bip_C_Neck:neck "
        "J_Bip_C_Head:head *:top",
        "J_Bip_{S}_UpperLeg:hip J_Bip_{S}_LowerLeg:knee J_Bip_{S}_Foot:ankle J_Bip_{S}_ToeBase:toe *:tip",
        "J_Bip_{S}_Shoulder:clavicle J_Bip_{S}_UpperArm:shoulder J_Bip_{S}_LowerArm:elbow J_Bip_{S}_Hand:wrist "
        "J_Bip_{S}_Index1:finger *:fingertip",
    ),
    "MikuMikuDance": (
        ("左", "右"),
        "センター:pelvis 上半身:low 上半身2:chest@ 首:neck 頭:head *:top",
        "下半身:pelvis {S}足:hip {S}ひざ:knee {S}足首:ankle {S}つま先:toe *:tip",
        "{S}肩:clavicle {S}腕:shoulder {S}ひじ:elbow {S}手首:wrist {S}中指1:finger *:fingertip",
    ),
    "SMPL": (
        ("L", "R"),
        "Pelvis:pelvis Spine1:low Spine2:mid Spine3:chest@ Neck:neck Head:head *:top",
        "{S}_Hip:hip {S}_Knee:knee {S}_Ankle:ankle {S}_Foot:toe *:tip",
        "{S}_Collar:clavicle {S}_Shoulder:shoulder {S}_Elbow:elbow {S}_Wrist:wrist {S}_Hand:finger *:fingertip",
        "m_avg_",
    ),
    "SMPL-X": (
        ("left", "right"),
        "pelvis:pelvis spine1:low spine2:mid spine3:chest@ neck:neck head:head jaw:eye+ *:top",
        "{S}_hip:hip {S}_knee:knee {S}_ankle:ankle {S}_foot:toe *:tip",
        "{S}_collar:clavicle {S}_shoulder:shoulder {S}_elbow:elbow {S}_wrist:wrist {S}_index1:finger *:fingertip",
    ),
    "Kinect v1": (
        LEFT_RIGHT,
        "HipCenter:pelvis Spine:mid ShoulderCenter:upper@ Head:top",
        "Hip{S}:hip Knee{S}:knee Ankle{S}:ankle Foot{S}:toe",
        "Shoulder{S}:shoulder Elbow{S}:elbow Wrist{S}:wrist Hand{S}:finger",
    ),
    "Kinect v2": (
        LEFT_RIGHT,
        "SpineBase:pelvis SpineMid:mid SpineShoulder:upper@ Neck:neck Head:head",
        "Hip{S}:hip Knee{S}:knee Ankle{S}:ankle Foot{S}:toe",
        "Shoulder{S}:shoulder Elbow{S}:elbow Wrist{S}:wrist Hand{S}:palm HandTip{S}:fingertip",
    ),
    "Azure Kinect": (
        ("LEFT", "RIGHT"),
        "PELVIS:pelvis SPINE_NAVEL:low SPINE_CHEST:chest@ NECK:neck HEAD:head NOSE:nose",
        "HIP_{S}:hip KNEE_{S}:knee ANKLE_{S}:ankle FOOT_{S}:toe",
        "CLAVICLE_{S}:clavicle SHOULDER_{S}:shoulder ELBOW_{S}:elbow WRIST_{S}:wrist HAND_{S}:palm "
        "HANDTIP_{S}:fingertip",
    ),
    "OptiTrack": (
        ("L", "R"),
        "Hip:pelvis Ab:low Chest:chest@ Neck:neck Head:head *:top",
        "{S}Thigh:hip {S}Shin:knee {S}Foot:ankle {S}Toe:toe *:tip",
        "{S}Shoulder:clavicle {S}UArm:shoulder {S}FArm:elbow {S}Hand:wrist *:finger",
        "Skeleton_",
    ),
    "iPi Soft": (
        ("L", "R"),
        "Hip:pelvis LowerSpine:low MiddleSpine:mid Chest:chest@ Neck:neck Head:head *:top",
        "{S}Thigh:hip {S}Shin:knee {S}Foot:ankle {S}Toe:toe *:tip",
        "{S}Clavicle:clavicle {S}Shoulder:shoulder {S}Forearm:elbow {S}Hand:wrist *:finger",
    ),
    "MocapNET": (
        ("l", "r"),
        "hip:pelvis abdomen:low chest:chest@ neck:neck neck1:neck2 head:head __jaw:eye+ *:top",
        "{S}buttock:buttock {S}hip:hip {S}knee:knee {S}foot:ankle *:toe",
        "{S}collar:clavicle {S}shoulder:shoulder {S}elbow:elbow {S}hand:wrist __{S}thumb:thumb+ *:finger",
    ),
    "Blender, one's own": (
        ("L", "R"),
        "hips:pelvis spine:low chest:chest@ neck:neck head:head *:top",
        "thigh_{S}:hip shin_{S}:knee foot_{S}:ankle toe_{S}:toe *:tip",
        "clavicle_{S}:clavicle upper_arm_{S}:shoulder forearm_{S}:elbow hand_{S}:wrist *:finger",
    ),
    "no hands and feet": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Chest:chest@ Neck:neck Head:head *:top",
        "{S}UpperLeg:hip {S}LowerLeg:knee *:ankle",
        "{S}UpperArm:shoulder {S}LowerArm:elbow *:wrist",
    ),
    "BEAT": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Spine2:chest Spine3:upper@ Neck:neck Neck1:neck2 Head:head HeadEnd:top *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ForeFoot:toe {S}ToeBase:tip {S}ToeBaseEnd:tip *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandThumb1:thumb+ "
        "{S}HandMiddle1:finger "
        "*:fingertip",
    ),
    "Bandai Namco": (
        ("L", "R"),
        "joint_Root:floor Hips:pelvis Spine:low Chest:chest@ Neck:neck Head:head *:top",
        "UpperLeg_{S}:hip LowerLeg_{S}:knee Foot_{S}:ankle Toes_{S}:toe *:tip",
        "Shoulder_{S}:clavicle UpperArm_{S}:shoulder LowerArm_{S}:elbow Hand_{S}:wrist *:finger",
    ),
    "Cascadeur": (
        ("l", "r"),
        "pelvis:pelvis stomach:low chest:chest@ neck:neck head:head *:top",
        "thigh_{S}:hip calf_{S}:knee foot_{S}:ankle toe_{S}:toe *:tip",
        "clavicle_{S}:clavicle arm_{S}:shoulder forearm_{S}:elbow hand_{S}:wrist *:finger",
    ),
    "ACCAD": (
        LEFT_RIGHT,
        "root:pelvis Hips:pelvis ToSpine:low Spine:mid Spine1:chest@ Neck:neck Head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
    ),
    "DeepMotion": (
        ("l", "r"),
        "hips_JNT:pelvis spine_JNT:low spine1_JNT:mid spine2_JNT:chest@ neck_JNT:neck head_JNT:head *:top",
        "{S}_upleg_JNT:hip {S}_leg_JNT:knee {S}_foot_JNT:ankle {S}_toebase_JNT:toe *:tip",
        "{S}_shoulder_JNT:clavicle {S}_arm_JNT:shoulder {S}_forearm_JNT:elbow {S}_hand_JNT:wrist "
        "{S}_handIndex1_JNT:finger "
        "*:fingertip",
    ),
    "Captury": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:low Spine2:mid Spine3:chest Spine4:upper@ Neck:neck Head:head Head_EE:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe {S}Foot_EE:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}Hand_EE:finger",
    ),
    "H-Anim": (
        ("l", "r"),
        "humanoid_root:pelvis vl5:low vl1:mid vt6:chest vt1:upper@ vc4:neck skullbase:head *:top",
        "sacroiliac:pelvis {S}_hip:hip {S}_knee:knee {S}_ankle:ankle {S}_metatarsal:toe *:tip",
        "{S}_sternoclavicular:clavicle {S}_acromioclavicular:clavicle {S}_shoulder:shoulder "
        "{S}_elbow:elbow {S}_wrist:wrist "
        "*:finger",
    ),
    "Maya AdvancedSkeleton": (
        ("L", "R"),
        "Root_M:pelvis Spine1_M:low Spine2_M:mid Chest_M:chest@ Neck_M:neck Head_M:head HeadEnd_M:top",
        "Hip_{S}:hip Knee_{S}:knee Ankle_{S}:ankle Toes_{S}:toe ToesEnd_{S}:tip",
        "Scapula_{S}:clavicle Shoulder_{S}:shoulder Elbow_{S}:elbow Wrist_{S}:wrist ThumbFinger1_{S}:thumb+ "
        "IndexFinger1_{S}:finger *:fingertip",
    ),
    "Character Creator": (
        ("L", "R"),
        "BoneRoot:floor Hip:pelvis Waist:low Spine01:mid Spine02:chest@ NeckTwist01:neck "
        "NeckTwist02:neck2 Head:head *:top",
        "Pelvis:pelvis {S}_Thigh:hip {S}_ThighTwist01:thigh+ {S}_Calf:knee {S}_CalfTwist01:shin+ {S}_Foot:ankle "
        "{S}_ToeBase:toe *:tip",
        "{S}_Clavicle:clavicle {S}_Upperarm:shoulder {S}_UpperarmTwist01:arm+ {S}_Forearm:elbow "
        "{S}_ForearmTwist01:forearm+ "
        "{S}_Hand:wrist {S}_Thumb1:thumb+ {S}_Mid1:finger *:fingertip",
        "CC_Base_",
    ),
    "Roblox R15": (
        LEFT_RIGHT,
        "HumanoidRootPart:pelvis LowerTorso:pelvis UpperTorso:mid@ Head:neck *:top",
        "{S}UpperLeg:hip {S}LowerLeg:knee {S}Foot:ankle *:toe",
        "{S}UpperArm:shoulder {S}LowerArm:elbow {S}Hand:wrist *:finger",
    ),
    "Vicon": (
        ("l", "r"),
        "pelvis:pelvis thorax:chest@ head:neck *:top",
        "{S}femur:hip {S}tibia:knee {S}foot:ankle {S}toes:toe *:tip",
        "{S}clavicle:clavicle {S}humerus:shoulder {S}radius:elbow {S}hand:wrist *:finger",
    ),
    "Theia": (
        ("l", "r"),
        "worldbody:floor pelvis:pelvis torso:chest@ neck:neck head:head *:top",
        "{S}_thigh:hip {S}_shank:knee {S}_foot:ankle {S}_toes:toe *:tip",
        "{S}_uarm:shoulder {S}_larm:elbow {S}_hand:wrist *:finger",
    ),
    "Plask": (
        ("left", "right"),
        "hips:pelvis spine:low spine1:mid spine2:chest@ neck:neck head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandThumb1:thumb+ "
        "{S}HandIndex1:finger *:fingertip",
    ),
    "ARKit": (
        ("left", "right"),
        "root:pelvis hips_joint:pelvis spine_1_joint:low spine_2_joint:low spine_3_joint:mid "
        "spine_4_joint:mid spine_5_joint:chest spine_6_joint:chest spine_7_joint:upper@ neck_1_joint:neck "
        "neck_2_joint:neck neck_3_joint:neck2 neck_4_joint:neck2 head_joint:head jaw_joint:eye+ "
        "nose_joint:nose",
        "{S}_upLeg_joint:hip {S}_leg_joint:knee {S}_foot_joint:ankle {S}_toes_joint:toe {S}_toesEnd_joint:tip",
        "{S}_shoulder_1_joint:clavicle {S}_arm_joint:shoulder {S}_forearm_joint:elbow {S}_hand_joint:wrist "
        "{S}_handThumbStart_joint:thumb+ {S}_handIndexStart_joint:palm {S}_handIndex_1_joint:finger "
        "*:fingertip",
    ),
    "Auto-Rig Pro": (
        ("l", "r"),
        "c_traj:floor root.x:pelvis spine_01.x:low spine_02.x:mid spine_03.x:chest@ neck.x:neck head.x:head *:top",
        "thigh_stretch.{S}:hip leg_stretch.{S}:knee foot.{S}:ankle toes_01.{S}:toe *:tip",
        "shoulder.{S}:clavicle arm_stretch.{S}:shoulder forearm_stretch.{S}:elbow hand.{S}:wrist "
        "c_index1.{S}:finger *:fingertip",
    ),
    "iClone": (
        ("L", "R"),
        "RL_BoneRoot:floor Hip:pelvis Waist:low Spine01:mid Spine02:chest@ NeckTwist01:neck Head:head *:top",
        "Pelvis:pelvis {S}_Thigh:hip {S}_Calf:knee {S}_Foot:ankle {S}_ToeBase:toe *:tip",
        "{S}_Clavicle:clavicle {S}_Upperarm:shoulder {S}_Forearm:elbow {S}_Hand:wrist {S}_Mid1:finger *:fingertip",
    ),
    "Talking With Hands": (
        ("l", "r"),
        "body_world:floor b_root:pelvis b_spine0:low b_spine1:mid b_spine2:chest b_spine3:upper@ "
        "b_neck0:neck b_head:head b_head_null:top",
        "b_{S}_upleg:hip b_{S}_leg:knee b_{S}_foot_twist:shin+ b_{S}_foot:ankle b_{S}_ball:toe *:tip",
        "b_{S}_shoulder:clavicle b_{S}_arm:shoulder b_{S}_arm_twist:arm+ b_{S}_forearm:elbow "
        "b_{S}_wrist_twist:forearm+ b_{S}_wrist:wrist b_{S}_index1:finger *:fingertip",
    ),
    "ZeroEGGS": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Spine2:chest Spine3:upper@ Neck:neck Neck1:neck2 Head:head HeadEnd:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe {S}ToeBaseEnd:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandThumb1:thumb+ "
        "{S}HandIndex1:finger {S}HandIndexEnd:fingertip",
    ),
    "video to BVH, Human3.6M's joints": (
        LEFT_RIGHT,
        "Hip:pelvis Spine:mid Thorax:upper@ Neck:neck2 HeadEndSite:top",
        "{S}Hip:hip {S}Knee:knee {S}Ankle:ankle {S}AnkleEndSite:toe",
        "{S}Shoulder:shoulder {S}Elbow:elbow {S}Wrist:wrist {S}WristEndSite:finger",
    ),
    "Human3.6M's joints": (
        ("L", "R"),
        "Hip:pelvis Spine:mid Thorax:upper@ Neck:neck2 Head:top",
        "{S}Hip:hip {S}Knee:knee {S}Foot:ankle *:toe",
        "{S}Shoulder:shoulder {S}Elbow:elbow {S}Wrist:wrist *:finger",
    ),
    "Human3.6M, its own BVH": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:mid Spine1:upper@ Neck:neck Head:head Site:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:upper {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandThumb:thumb+ L_Wrist_End:finger",
    ),
    "Perception Neuron, a robot": (
        LEFT_RIGHT,
        "Robot_Hips:pelvis Robot_Spine:low Robot_Spine1:mid Robot_Spine2:chest@ Robot_Neck:neck Robot_Head:head *:top",
        "Robot_{S}UpLeg:hip Robot_{S}Leg:knee Robot_{S}Foot:ankle *:toe",
        "Robot_{S}Shoulder:clavicle Robot_{S}Arm:shoulder Robot_{S}ForeArm:elbow Robot_{S}Hand:wrist *:finger",
    ),
    "OptiTrack with fingers": (
        ("L", "R"),
        "Hip:pelvis Ab:low Chest:chest@ Neck:neck Head:head *:top",
        "{S}Thigh:hip {S}Shin:knee {S}Foot:ankle {S}Toe:toe *:tip",
        "{S}Shoulder:clavicle {S}UArm:shoulder {S}FArm:elbow {S}Hand:wrist {S}Thumb1:thumb+ {S}Index1:finger "
        "*:fingertip",
        "Skeleton 001:",
    ),
    "OptiTrack, FBX names": (
        LEFT_RIGHT,
        "Hips:pelvis Spine:low Spine1:mid Neck:neck@ Head:head *:top",
        "{S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist *:finger",
        "Skeleton 002:Skeleton 002:",
    ),
    "Vicon Shogun": (
        LEFT_RIGHT,
        "Solving:Hips:pelvis Solving:Spine:low Solving:Spine1:mid Solving:Spine2:chest Solving:Spine3:upper@ "
        "Solving:Neck:neck Solving:Neck1:neck2 Solving:Head:head Solving:HeadEnd:top",
        "Solving:{S}UpLeg:hip Solving:{S}Leg:knee Solving:{S}Foot:ankle Solving:{S}ToeBase:toe *:tip",
        "Solving:{S}Shoulder:clavicle Solving:{S}Arm:shoulder Solving:{S}ForeArm:elbow Solving:{S}Hand:wrist *:finger",
    ),
    "Radical": (
        ("L", "R"),
        "Root:floor Hips:pelvis Spine:low Spine1:mid Chest:chest@ Neck:neck Head:head *:top",
        "UpLeg_{S}:hip Leg_{S}:knee Foot_{S}:ankle Toe_{S}:toe *:tip",
        "Shoulder_{S}:clavicle Arm_{S}:shoulder ForeArm_{S}:elbow Hand_{S}:wrist *:finger",
    ),
    "Move.ai": (
        ("L", "R"),
        "Root:floor Hips:pelvis Spine:low Spine1:mid Spine2:chest@ Neck:neck Head:head *:top",
        "{S}_UpLeg:hip {S}_Leg:knee {S}_Foot:ankle {S}_ToeBase:toe *:tip",
        "{S}_Shoulder:clavicle {S}_Arm:shoulder {S}_ForeArm:elbow {S}_Hand:wrist *:finger",
    ),
    "KinaTrax": (
        ("L", "R"),
        "Pelvis:pelvis Torso:mid@ Neck:neck Head:head *:top",
        "{S}Thigh:hip {S}Shank:knee {S}Foot:ankle *:toe",
        "{S}UpperArm:shoulder {S}Forearm:elbow {S}Hand:wrist *:finger",
    ),
    "MPFB default": (
        ("L", "R"),
        "root:pelvis spine05:low spine04:low spine03:mid spine02:chest spine01:upper@ neck01:neck "
        "neck02:neck2 neck03:neck2 head:head *:top",
        "pelvis.{S}:pelvis upperleg01.{S}:hip upperleg02.{S}:thigh lowerleg01.{S}:knee lowerleg02.{S}:shin "
        "foot.{S}:ankle toe2-1.{S}:toe *:tip",
        "clavicle.{S}:clavicle shoulder01.{S}:clavicle upperarm01.{S}:shoulder upperarm02.{S}:arm "
        "lowerarm01.{S}:elbow lowerarm02.{S}:forearm wrist.{S}:wrist finger2-1.{S}:finger *:fingertip",
    ),
    "MakeHuman game engine": (
        ("l", "r"),
        "Root:floor pelvis:pelvis spine_01:low spine_02:mid spine_03:chest@ neck_01:neck head:head *:top",
        "thigh_{S}:hip calf_{S}:knee foot_{S}:ankle ball_{S}:toe *:tip",
        "clavicle_{S}:clavicle upperarm_{S}:shoulder lowerarm_{S}:elbow hand_{S}:wrist index_01_{S}:finger *:fingertip",
    ),
    "MakeHuman, CMU's rig": (
        LEFT_RIGHT,
        "Hips:pelvis LowerBack:pelvis Spine:low Spine1:upper@ Neck:upper Neck1:neck Head:head *:top",
        "{s}HipJoint:pelvis {S}UpLeg:hip {S}Leg:knee {S}Foot:ankle {S}ToeBase:toe *:tip",
        "{S}Shoulder:upper {S}Arm:shoulder {S}ForeArm:elbow {S}Hand:wrist {S}HandFinger1:finger *:fingertip",
    ),
    "Source Filmmaker": (
        ("L", "R"),
        "Pelvis:pelvis Spine_0:low Spine_1:mid Spine_2:chest@ Neck_0:neck Head:head *:top",
        "UpLeg_{S}:hip LoLeg_{S}:knee Foot_{S}:ankle Toe_{S}:toe *:tip",
        "Clavicle_{S}:clavicle UpArm_{S}:shoulder LoArm_{S}:elbow Hand_{S}:wrist *:finger",
        "bip_",
    ),
    "Source Filmmaker, lower case": (
        ("L", "R"),
        "bip_pelvis:pelvis bip_spine_0:low bip_spine_1:mid bip_spine_2:chest@ bip_neck:neck bip_head:head *:top",
        "bip_hip_{S}:hip bip_knee_{S}:knee bip_foot_{S}:ankle bip_toe_{S}:toe *:tip",
        "bip_collar_{S}:clavicle bip_upperArm_{S}:shoulder bip_lowerArm_{S}:elbow bip_hand_{S}:wrist *:finger",
    ),
    "Sony mocopi": (
        ("l", "r"),
        "root:pelvis torso_1:low torso_2:low torso_3:mid torso_4:mid torso_5:chest torso_6:chest "
        "torso_7:upper@ neck_1:neck neck_2:neck2 head:head *:top",
        "{S}_up_leg:hip {S}_low_leg:knee {S}_foot:ankle {S}_toes:toe *:tip",
        "{S}_shoulder:clavicle {S}_up_arm:shoulder {S}_low_arm:elbow {S}_hand:wrist *:finger",
    ),
    "MediaPipe2BVH": (
        LEFT_RIGHT,
        "hip:pelvis spine:mid neck:neck@ head:head *:top",
        "{S}_hip:hip {S}_knee:knee {S}_ankle:ankle {S}_foot_index:toe *:tip",
        "{S}_shoulder:shoulder {S}_elbow:elbow {S}_wrist:wrist *:finger",
    ),
    "Unreal in capitals": (
        ("L", "R"),
        "Root:floor Pelvis:pelvis Spine_01:low Spine_02:mid Spine_03:chest@ Neck_01:neck Head:head *:top",
        "Thigh_{S}:hip Calf_{S}:knee Foot_{S}:ankle Ball_{S}:toe *:tip",
        "Clavicle_{S}:clavicle UpperArm_{S}:shoulder LowerArm_{S}:elbow Hand_{S}:wrist *:finger",
    ),
    "SAM 3D / MHR": (
        ("l", "r"),
        "body_world:floor root:pelvis c_spine0:low c_spine1:mid c_spine2:chest c_spine3:upper@ c_neck:neck "
        "c_head:head *:top",
        "{S}_upleg:hip {S}_lowleg:knee {S}_foot:ankle {S}_ball:toe *:tip",
        "{S}_clavicle:clavicle {S}_uparm:shoulder {S}_lowarm:elbow {S}_wrist:wrist {S}_index1:finger *:fingertip",
    ),
    "MikuMikuDance in English": (
        LEFT_RIGHT,
        "Center:pelvis UpperBody:low UpperBody2:chest@ Neck:neck Head:head *:top",
        "LowerBody:pelvis {S}Leg:hip {S}Knee:knee {S}Ankle:ankle {S}Toe:toe *:tip",
        "{S}Shoulder:clavicle {S}Arm:shoulder {S}Elbow:elbow {S}Wrist:wrist *:finger",
    ),
    "ASF bones in BVH": (
        ("L", "R"),
        "root:pelvis lowerback:low upperback:mid thorax:chest@ lowerneck:upper upperneck:neck head:head *:top",
        "{S}hipjoint:pelvis {S}femur:hip {S}tibia:knee {S}foot:ankle {S}toes:toe *:tip",
        "{S}clavicle:clavicle {S}humerus:shoulder {S}radius:elbow {S}wrist:wrist {S}hand:finger *:fingertip",
    ),
    "sides in the middle of names": (
        LEFT_RIGHT,
        "Hips:pelvis Torso:mid@ Neck:neck Head:head *:top",
        "Upper{S}Leg:hip Lower{S}Leg:knee {S}Foot:ankle *:toe",
        "Upper{S}Arm:shoulder Lower{S}Arm:elbow {S}Hand:wrist *:finger",
    ),
    "Spanish": (
        ("Izq", "Der"),
        "Cadera:pelvis Columna:low Pecho:chest@ Cuello:neck Cabeza:head *:top",
        "Muslo_{S}:hip Pierna_{S}:knee Pie_{S}:ankle *:toe",
        "Hombro_{S}:clavicle Brazo_{S}:shoulder Antebrazo_{S}:elbow Mano_{S}:wrist *:finger",
    ),
    "no words at all": (
        ("a", "b"),
        "j0:pelvis j1:low j2:chest@ j3:neck j4:head *:top",
        "{S}1:hip {S}2:knee {S}3:ankle {S}4:toe *:tip",
        "{S}5:clavicle {S}6:shoulder {S}7:elbow {S}8:wrist *:finger",
    ),
}


@dataclass
class Joint:
    name: str
    parent: int
    role: str
    is_end: bool


def joints_of(name: str) -> list[Joint]:
    """The joints of a skeleton in the order of a file: trunk, legs, arms."""
    sides, trunk, leg, arm, *prefixes = SKELETONS[name]
    prefix = prefixes[0] if prefixes else ""
    joints: list[Joint] = []

    def chain(text: str, at: int, side: str = "", s: str = "") -> tuple[int, int]:
        """Add a chain below joint `at`; returns (joint with "@", pelvis)."""
        mark = pelvis = -1
        for word in re.findall(r"[^:]*:[a-z0-9]+[+@]?", text):
            label, _, role = word.strip().rpartition(":")
            plain = role.rstrip("+@")
            joint = label.replace("{S}", s).replace("{s}", s[:1])
            ends = label == "*"
            own = f"{joints[at].name}_end" if ends else prefix + joint
            same = next((i for i, j in enumerate(joints) if j.name == own), None)
            if same is None:
                joints.append(Joint(own, at, (side if plain in PLACES and PLACES[plain][0] else "") + plain, ends))
                same = len(joints) - 1
            if plain == "pelvis" and not label.startswith("LowerBack"):
                pelvis = same
            mark = same if role.endswith("@") else mark
            if not role.endswith("+"):
                at = same
        return mark, pelvis

    mark, pelvis = chain(trunk, -1)
    for part, at in ((leg, pelvis), (arm, mark)):
        for side, s in zip("LR", sides):
            chain(part, at, side, s)
    return joints


_ORDERS = ("ZXY", "ZYX", "XYZ", "YXZ", "XZY", "YZX")
_STIFF = {"floor", "thigh", "shin", "arm", "forearm"}  # joints that never bend
_LARGE = {"knee", "elbow", "shoulder", "hip"}


@dataclass
class Recording:
    """A skeleton that moves: lengths in units of the file."""

    joints: list[Joint]
    rest: np.ndarray  # (J, 3)
    angles: np.ndarray  # (T, J, 3) radians about the three axes of each joint's order
    orders: list[str]
    root: np.ndarray  # (T, 3)

    def positions(self) -> np.ndarray:
        """(T, J, 3) by forward kinematics, joint after joint."""
        frames = len(self.root)
        places = np.empty((frames, len(self.joints), 3))
        turns = np.empty((frames, len(self.joints), 3, 3))
        for i, joint in enumerate(self.joints):
            own = np.eye(3)
            for n, axis in enumerate(self.orders[i]):
                own = own @ rotation_about("XYZ".index(axis), self.angles[:, i, n])
            if joint.parent < 0:
                places[:, i], turns[:, i] = self.root, own
                continue
            offset = self.rest[i] - self.rest[joint.parent]
            places[:, i] = places[:, joint.parent] + turns[:, joint.parent] @ offset
            turns[:, i] = turns[:, joint.parent] @ own
        return places

    def bvh(self, *, with_place: bool = True) -> str:
        """The text of a BVH file; `with_place`: whether the root has position channels."""
        children: dict[int, list[int]] = {}
        for i, joint in enumerate(self.joints):
            children.setdefault(joint.parent, []).append(i)
        lines, order = ["HIERARCHY"], []

        def write(i: int, depth: int) -> None:
            joint, pad = self.joints[i], "\t" * depth
            offset = self.rest[i] - (self.rest[joint.parent] if joint.parent >= 0 else 0)
            lines.append(pad + ("End Site" if joint.is_end else f"{'JOINT' if depth else 'ROOT'} {joint.name}"))
            lines.append(pad + "{")
            lines.append(pad + "\tOFFSET " + " ".join(f"{v:.6f}" for v in offset))
            if not joint.is_end:
                order.append(i)
                place = "Xposition Yposition Zposition " if not depth and with_place else ""
                turns = " ".join(f"{axis}rotation" for axis in self.orders[i])
                lines.append(f"{pad}\tCHANNELS {6 if place else 3} {place}{turns}")
            for child in children.get(i, ()):
                write(child, depth + 1)
            lines.append(pad + "}")

        write(0, 0)
        lines += ["MOTION", f"Frames: {len(self.root)}", "Frame Time: 0.0333333"]
        for t, place in enumerate(self.root):
            values = [*(place if with_place else ()), *np.degrees(self.angles[t, order]).ravel()]
            lines.append(" ".join(f"{v:.5f}" for v in values))
        return "\n".join(lines) + "\n"


def recording_of(name: str, frames: int = 12, *, scale: float = 100.0, y_up: bool = True, seed: int = 0) -> Recording:
    """A person of that skeleton who sways and swings, by default in centimetres and y up."""
    joints = joints_of(name)
    random = np.random.default_rng(seed)
    rest = np.array([_place(joint.role) for joint in joints]) * scale
    if y_up:
        rest = np.stack([rest[:, 0], rest[:, 2], -rest[:, 1]], axis=-1)
    large = [0.0 if _bare(j.role) in _STIFF or j.is_end else 0.3 if _bare(j.role) in _LARGE else 0.08 for j in joints]
    phase = random.uniform(0, 6, (1, len(joints), 3))
    angles = np.array(large)[None, :, None] * np.sin(np.arange(frames)[:, None, None] / 3 + phase)
    root = rest[0] + scale * 0.02 * np.arange(frames)[:, None] * ([1, 0, 0.3] if y_up else [1, 0.3, 0])
    orders = [_ORDERS[n] for n in random.integers(0, len(_ORDERS), len(joints))]
    return Recording(joints, rest, angles, orders, root)


def motion_of(name: str) -> Motion:
    """The same as a reader gives it."""
    recording = recording_of(name)
    joints = recording.joints
    return Motion(
        "bvh",
        tuple(j.name for j in joints),
        tuple(j.parent for j in joints),
        recording.positions(),
        fps=30.0,
        ends=tuple(i for i, j in enumerate(joints) if j.is_end),
        rest=recording.rest,
    )


def _bare(role: str) -> str:
    return role[1:] if role[0] in "LR" else role


def _place(role: str) -> tuple[float, float, float]:
    x, y, z = PLACES[_bare(role)]
    return (-x if role[0] == "R" else x, y, z)
