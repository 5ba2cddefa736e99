// How far a long encryption is: the share that is done, where the size is known, and the rate.

const cells = 24

/** Answers the text for so many bytes. @param totalBytes - undefined where nobody knows, as of pipes */
export function contentProgress(
  title: string,
  totalBytes: number | undefined,
  clock: () => number = () => performance.now(),
): (doneBytes: number) => string {
  const startMs = clock()
  return (doneBytes) => {
    const seconds = Math.max(0.001, (clock() - startMs) / 1_000)
    return `${title}  ${barOf(doneBytes, totalBytes)}  ${mebibytes(doneBytes / seconds)}/s`
  }
}

function barOf(doneBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined) return mebibytes(doneBytes)
  // A file that grows meanwhile stays at 100 %.
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes)
  const full = Math.floor(share * cells)
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `[${'#'.repeat(full)}${'-'.repeat(cells - full)}] ${percent} % of ${mebibytes(totalBytes)}`
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
