// What can be inferred from a sample of alleles, computed as on the server (beacon/framework/intervals.py).

const Z = 1.959964;
const ALPHA = 0.05;
const FEW = 30;
const RARE = 0.1;

/** The mean of the Poisson distribution that reaches `count` in that share of all cases. @param {number} count @param {number} share */
function meanReaching(count, share) {
  let low = 0;
  let high = count + 10 * Math.sqrt(count);
  for (let step = 0; step < 50; step++) {
    const mean = (low + high) / 2;
    let term = Math.exp(-mean);
    let below = term;
    for (let number = 1; number < count; number++) {
      term *= mean / number;
      below += term;
    }
    if (1 - below < share) low = mean;
    else high = mean;
  }
  return low;
}

/** Between which frequencies the true one lies, with 95 % confidence. @param {number} count @param {number} number @returns {[number, number]} */
export function interval(count, number) {
  if (!count) return [0, -Math.expm1(Math.log(ALPHA) / number)];
  const share = count / number;
  if (count <= FEW && share <= RARE) {
    const high = meanReaching(count + 1, 1 - ALPHA / 2) / number;
    return [meanReaching(count, ALPHA / 2) / number, Math.min(1, high)];
  }
  const square = Z * Z;
  const scale = 1 + square / number;
  const middle = share + square / (2 * number);
  const spread = Z * Math.sqrt((share * (1 - share)) / number + square / (4 * number * number));
  return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}
