type Tone = 'success' | 'warning' | 'error';

/** The platform's own default; a validation names the one in force. */
const defaultThreshold = 70;
/** From here on there is little left to mend. */
const good = 90;

/** A score under the threshold stops the approval; above it, it may still be worth a look. */
export function qualityTone(score: number, threshold = defaultThreshold): Tone {
  if (score < threshold) return 'error';
  return score < Math.max(good, threshold) ? 'warning' : 'success';
}

/** 87.46 → `87`, 99.96 → `99.9`: never rounded up to a full score, or over a threshold. */
export function scoreText(score: number, locale: string): string {
  const digits = score > 99 && score < 100 ? 1 : 0;
  const floored = Math.floor(score * 10 ** digits) / 10 ** digits;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(floored);
}
