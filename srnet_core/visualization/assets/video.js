// The video behind the 2D keypoints: JPEG pictures of every few frames, decoded when they are needed and kept for a while.

const MOST_KEPT = 60, AHEAD = 4;
let kept = new Map(); // number of a picture -> its image

function forgetVideo() {
  kept = new Map();
}

function videoPicture(number) {
  if (number >= scene.video.pictures.length) return null;
  let image = kept.get(number);
  if (!image) {
    image = new Image();
    image.onload = redraw;
    image.src = `data:image/jpeg;base64,${scene.video.pictures[number]}`;
    kept.set(number, image);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  }
  return image;
}

// The picture of a frame; while it is decoded, one that is a little older, so that nothing flickers.
function videoImage(frame) {
  if (!scene.video) return null;
  const number = Math.floor(frame / scene.video.every);
  const wanted = videoPicture(number);
  for (let next = number + 1; next <= number + AHEAD; next++) videoPicture(next);
  if (!wanted) return null;
  for (let before = number; before >= number - AHEAD; before--) {
    const image = kept.get(before);
    if (image && image.complete && image.naturalWidth) return image;
  }
  return null;
}
