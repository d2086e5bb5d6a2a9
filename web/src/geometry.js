// Footprints as flat arrays of longitude and latitude, and what they meet.

// Rings of a polygon or multipolygon in WKB: an array of Float32Array, lon and lat in turns.
export function ringsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rings = [];
  let at = 0;
  const read = () => {
    const little = view.getUint8(at) === 1;
    const kind = view.getUint32(at + 1, little);
    let count = view.getUint32(at + 5, little);
    at += 9;
    if (kind === 6) {
      while (count--) read();
    } else if (kind === 3) {
      while (count--) {
        const points = view.getUint32(at, little);
        at += 4;
        const ring = new Float32Array(2 * points);
        for (let i = 0; i < ring.length; i++, at += 8) ring[i] = view.getFloat64(at, little);
        rings.push(ring);
      }
    } else {
      throw new Error(`A footprint is of kind ${kind}, not a polygon.`);
    }
  };
  read();
  return rings;
}

// An area { west, south, east, north } as boxes that do not cross ±180.
export function boxesOf({ west, south, east, north }) {
  if (west <= east) return [[west, south, east, north]];
  return [
    [west, south, 180, north],
    [-180, south, east, north],
  ];
}

// Whether two such boxes meet.
export function boxesMeet(ones, others) {
  return ones.some((a) =>
    others.some((b) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]),
  );
}

// Whether a footprint meets one of the boxes. Rings inside others are holes, of which footprints
// have none: each ring is a polygon.
export function ringsMeet(rings, boxes) {
  return boxes.some((box) => rings.some((ring) => ringMeets(ring, box)));
}

function ringMeets(ring, [west, south, east, north]) {
  for (let i = 0; i + 3 < ring.length; i += 2) {
    if (edgeMeets(ring[i], ring[i + 1], ring[i + 2], ring[i + 3], west, south, east, north)) {
      return true;
    }
  }
  return ringHolds(ring, west, south);
}

// Liang and Barsky's test of a segment and a box.
function edgeMeets(x0, y0, x1, y1, west, south, east, north) {
  let first = 0;
  let last = 1;
  const dx = x1 - x0;
  const dy = y1 - y0;
  for (const [p, q] of [
    [-dx, x0 - west],
    [dx, east - x0],
    [-dy, y0 - south],
    [dy, north - y0],
  ]) {
    if (p === 0) {
      if (q < 0) return false;
    } else if (p < 0) {
      first = Math.max(first, q / p);
    } else {
      last = Math.min(last, q / p);
    }
  }
  return first <= last;
}

// Whether a ring holds a point.
export function ringHolds(ring, x, y) {
  let inside = false;
  for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
    const [xi, yi, xj, yj] = [ring[i], ring[i + 1], ring[j], ring[j + 1]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
