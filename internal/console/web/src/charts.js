// The common part of charts: axes for time and for bytes.
import { scaleLinear, scaleUtc } from 'd3-scale';

// byteScale maps bytes to pixels, with round values in the units of sizes.
export function byteScale(most, range) {
  const unit = 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(1, most)) / 10));
  const inUnits = scaleLinear([0, Math.max(1, most / unit)], range).nice(4);
  const scale = (n) => inUnits(n / unit);
  return { scale, ticks: inUnits.ticks(4).map((n) => n * unit) };
}

// timeScale maps times to pixels.
export function timeScale(times, range) {
  const first = times[0];
  return scaleUtc([first, Math.max(times[times.length - 1], first + 3600_000)], range);
}

// nearest returns the index of the nearest time. times ascend.
export function nearest(times, at) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - times[low - 1] < times[low] - at ? low - 1 : low;
}
