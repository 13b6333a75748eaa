type Tone = 'success' | 'error' | 'warning' | 'info' | 'primary' | 'neutral';

/** One colour a meaning, everywhere: green goes, amber waits for somebody, red stopped, blue is under way, grey is at rest. */
const tones: Record<string, Tone> = {
  approved: 'success',
  healthy: 'success',
  succeeded: 'success',
  active: 'success',
  ready: 'success',
  allowed: 'success',
  live: 'success',
  enabled: 'success',
  green: 'success',
  rejected: 'error',
  failed: 'error',
  denied: 'error',
  revoked: 'error',
  red: 'error',
  under_review: 'warning',
  open: 'warning',
  degraded: 'warning',
  changes_requested: 'warning',
  expired: 'warning',
  amber: 'warning',
  prod: 'warning',
  deploying: 'info',
  deleting: 'info',
  verifying: 'info',
  queued: 'info',
  running: 'info',
  pending: 'info',
  starting: 'info',
  draining: 'info',
  'fine-tuned': 'info',
  stg: 'info',
  base: 'primary',
  external: 'warning',
};

export const toneOf = (status: string): Tone => tones[status] ?? 'neutral';
const moving = new Set(['deploying', 'deleting', 'verifying', 'running', 'starting', 'draining']);
export const isMoving = (status: string): boolean => moving.has(status);
