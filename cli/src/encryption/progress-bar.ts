// How far a long encryption is, on a terminal: one line on standard error, rewritten. Elsewhere nothing is said.
import { printable } from '../output/printable.ts'

export interface ProgressBar {
  show(doneBytes: number): void
  close(): void
}

/** The part of standard error that is used here. */
export interface Terminal {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

interface ProgressBarOptions {
  /** `encrypting report.pdf`. */
  title: string
  /** Undefined where nobody knows, as of pipes. */
  totalBytes: number | undefined
  terminal?: Terminal
  clock?: () => number
}

const cells = 24
const pauseMs = 100

export function openProgressBar({
  title,
  totalBytes,
  terminal = process.stderr,
  clock = () => performance.now(),
}: ProgressBarOptions): ProgressBar {
  if (!terminal.isTTY) return { show: () => undefined, close: () => undefined }
  const startMs = clock()
  let shownMs = startMs
  return {
    show(doneBytes) {
      const now = clock()
      // What takes no time needs no bar.
      if (now - shownMs < pauseMs) return
      shownMs = now
      const rate = `${mebibytes(doneBytes / ((now - startMs) / 1_000))}/s`
      const text = `keyhold: ${printable(title)}  ${barOf(doneBytes, totalBytes)}  ${rate}`
      // A line that wraps could not be rewritten.
      terminal.write(`\r\x1b[K${text.slice(0, (terminal.columns ?? 80) - 1)}`)
    },
    close() {
      if (shownMs !== startMs) terminal.write('\r\x1b[K')
    },
  }
}

function barOf(doneBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined) return mebibytes(doneBytes)
  // A file that grows meanwhile is at its end, and no further.
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes)
  const full = Math.floor(share * cells)
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `[${'#'.repeat(full)}${'-'.repeat(cells - full)}] ${percent} % of ${mebibytes(totalBytes)}`
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
