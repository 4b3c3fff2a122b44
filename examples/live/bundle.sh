#!/bin/sh
# Gathers what `srnet serve --bundle FOLDER` needs to lift webcams and videos in the browser, from the npm registry:
# onnxruntime-web (MIT) and MediaPipe Pose with its weights (Apache 2.0). About 31 MB. Usage: bundle.sh [FOLDER]
set -eu
folder=${1:-output/live-bundle}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --prefix "$work" --no-audit --no-fund --ignore-scripts \
	onnxruntime-web@1.30.0 @mediapipe/pose@0.5.1675469404
mkdir -p "$folder"
runtime=$work/node_modules/onnxruntime-web pose=$work/node_modules/@mediapipe/pose
for name in ort.wasm.min.js ort-wasm-simd-threaded.mjs ort-wasm-simd-threaded.wasm; do
	cp "$runtime/dist/$name" "$folder/"
done
for name in pose.js pose_web.binarypb pose_landmark_lite.tflite pose_solution_packed_assets.data \
	pose_solution_packed_assets_loader.js pose_solution_simd_wasm_bin.js pose_solution_simd_wasm_bin.wasm \
	pose_solution_wasm_bin.js pose_solution_wasm_bin.wasm; do
	cp "$pose/$name" "$folder/"
done
chmod -R u+rw,go+r "$folder"
echo "$folder is ready: srnet serve --bundle $folder"
