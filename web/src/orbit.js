// The line on the ground of a granule whose footprint was not read, from its region and its box.
//
// The formula is that of catalog_builder/geo/orbit.py: a circle inclined by 92° over a turning
// Earth, 1,387 revolutions in 91 days. It is drawn, and decides nothing.

const RADIANS = Math.PI / 180;
const SIN_I = Math.sin(92 * RADIANS);
const COS_I = Math.cos(92 * RADIANS);
const TURN = 91 / 1387;
const POINTS = 24;

// [lon, lat, ...] from south or north to the other end; null where the region tells no direction.
export function groundTrack(region, { xmin, ymin, xmax, ymax }) {
  const span = flight(region, ymin, ymax);
  if (!span) return null;
  const [begin, end] = span;
  const lons = [];
  const lats = [];
  for (let i = 0; i <= POINTS; i++) {
    const u = (begin + ((end - begin) * i) / POINTS) * RADIANS;
    const lon = Math.atan2(COS_I * Math.sin(u), Math.cos(u)) / RADIANS - (TURN * u) / RADIANS;
    // Without jumps of 360°, so that the middle of the line is the middle of its longitudes.
    lons.push(i ? lon + 360 * Math.round((lons[i - 1] - lon) / 360) : lon);
    lats.push(Math.asin(SIN_I * Math.sin(u)) / RADIANS);
  }
  const middle = (Math.min(...lons) + Math.max(...lons)) / 2;
  const shift = (xmin + (xmax < xmin ? xmax + 360 : xmax)) / 2 - middle;
  const line = new Float32Array(2 * lons.length);
  for (let i = 0; i < lons.length; i++) {
    line[2 * i] = lons[i] + shift;
    line[2 * i + 1] = lats[i];
  }
  return line;
}

// Degrees of flight since the ascending node at both ends.
function flight(region, ymin, ymax) {
  const south = latitudeInFlight(ymin);
  const north = latitudeInFlight(ymax);
  if (region >= 1 && region <= 3) return [south, north];
  if (region === 4) return [south, 180 - south];
  if (region >= 5 && region <= 10) return [180 - north, 180 - south];
  if (region === 11) return [180 - north, 360 + north];
  if (region >= 12 && region <= 14) return [360 + south, 360 + north];
  return null;
}

function latitudeInFlight(latitude) {
  const sine = Math.sin(latitude * RADIANS) / SIN_I;
  return Math.asin(Math.max(-1, Math.min(1, sine))) / RADIANS;
}
