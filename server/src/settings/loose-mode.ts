// Which modes of a file with a secret are too loose.

const forOthers = 0o007

/**
 * Completes the sentence "The file NAME …"; undefined: the mode is fine. Its group may read it: Kubernetes gives mounted
 * secrets the group of `fsGroup`, and mode 0440 where 0400 was asked for. Windows has no such modes.
 */
export function looseModeOf(mode: number): string | undefined {
  if ((mode & forOthers) === 0 || process.platform === 'win32') return undefined
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  return `has mode ${shown}, so that everybody on this machine can use it: run chmod o= on it`
}
