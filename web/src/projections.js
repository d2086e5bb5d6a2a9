// Three views of the Earth: longitudes and latitudes to a plane and back. In the plane x grows to
// the right and y downward; the whole of a view lies within `extent`, [left, top, right, bottom].

const RADIANS = Math.PI / 180;

const world = {
  name: "World",
  extent: [-180, -90, 180, 90],
  // Where features are drawn a second time, so that nothing ends at ±180.
  copies: [-360, 0, 360],
  shows: () => true,
  project: (lon, lat, out, at) => {
    out[at] = lon;
    out[at + 1] = -lat;
  },
  invert: (x, y) => (Math.abs(y) > 90 ? null : [wrap(x), -y]),
};

// Polar stereographic: `pole` is 1 or -1; the meridian `down` runs downward from the north pole,
// upward from the south pole. Drawn from the pole to the latitude `edge`.
function polar(name, pole, down, edge) {
  const unit = Math.tan(((90 - pole * edge) / 2) * RADIANS);
  return {
    name,
    extent: [-1, -1, 1, 1],
    copies: [0],
    shows: (south, north) => (pole > 0 ? north > 0 : south < 0),
    project: (lon, lat, out, at) => {
      const colatitude = Math.min(150, 90 - pole * lat);
      const r = Math.tan((colatitude / 2) * RADIANS) / unit;
      const angle = (lon - down) * RADIANS;
      out[at] = r * Math.sin(angle);
      out[at + 1] = pole * r * Math.cos(angle);
    },
    invert: (x, y) => {
      const lat = pole * (90 - (2 * Math.atan(Math.hypot(x, y) * unit)) / RADIANS);
      return [wrap(down + Math.atan2(x, pole * y) / RADIANS), lat];
    },
  };
}

export const VIEWS = {
  world,
  north: polar("North pole", 1, -45, 40),
  south: polar("South pole", -1, 0, -40),
};

// Projected points of [lon, lat, ...].
export function projected(view, line) {
  const out = new Float32Array(line.length);
  for (let i = 0; i < line.length; i += 2) view.project(line[i], line[i + 1], out, i);
  return out;
}

// The area { west, south, east, north } around a rectangle of the plane; null if it is empty.
export function areaOf(view, [left, top, right, bottom]) {
  if (view === world) [top, bottom] = [Math.max(top, -90), Math.min(bottom, 90)];
  const steps = 40;
  const lons = [];
  let [south, north] = [90, -90];
  for (let i = 0; i <= steps; i++) {
    for (let j = 0; j <= steps; j++) {
      const x = left + ((right - left) * i) / steps;
      const point = view.invert(x, top + ((bottom - top) * j) / steps);
      if (!point) continue;
      lons.push(point[0]);
      south = Math.min(south, point[1]);
      north = Math.max(north, point[1]);
    }
  }
  if (!lons.length) return null;
  const holdsPole = view !== world && left <= 0 && right >= 0 && top <= 0 && bottom >= 0;
  if (holdsPole) [south, north] = view.invert(0, 0)[1] > 0 ? [south, 90] : [-90, north];
  const around = holdsPole || (view === world && right - left >= 360);
  const [west, east] = around ? [-180, 180] : rangeOf(lons);
  return { west, south, east, north };
}

// West and east of longitudes: all but the widest gap between them.
function rangeOf(lons) {
  lons.sort((a, b) => a - b);
  let [widest, west, east] = [lons[0] + 360 - lons.at(-1), lons[0], lons.at(-1)];
  for (let i = 1; i < lons.length; i++) {
    const gap = lons[i] - lons[i - 1];
    if (gap > widest) [widest, west, east] = [gap, lons[i], lons[i - 1]];
  }
  return [west, east];
}

function wrap(lon) {
  return lon - 360 * Math.floor((lon + 180) / 360);
}
