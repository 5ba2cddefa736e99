// Progress of a long encryption: on a terminal one line on standard error, written again and again; elsewhere nothing.
import { printable } from '../output/printable.ts'
import type { Screen } from '../shell.ts'

export interface ProgressBar {
  show(doneBytes: number): void
  close(): void
}

interface ProgressBarOptions {
  /** `encrypting report.pdf`. */
  title: string
  /** Undefined where nobody knows, as of pipes. */
  totalBytes: number | undefined
  terminal: Pick<Screen, 'isTTY' | 'columns'> & { write(text: string): unknown }
  clock?: () => number
}

const cells = 24
const pauseMs = 100

export function openProgressBar({
  title,
  totalBytes,
  terminal,
  clock = () => performance.now(),
}: ProgressBarOptions): ProgressBar {
  if (!terminal.isTTY) return { show: () => undefined, close: () => undefined }
  const startMs = clock()
  let shownMs = startMs
  return {
    show(doneBytes) {
      const now = clock()
      // Short work needs no bar.
      if (now - shownMs < pauseMs) return
      shownMs = now
      const rate = `${mebibytes(doneBytes / ((now - startMs) / 1_000))}/s`
      const text = `keyhold: ${printable(title)}  ${barOf(doneBytes, totalBytes)}  ${rate}`
      // A line that wraps could not be written again.
      terminal.write(`\r\x1b[K${text.slice(0, (terminal.columns ?? 80) - 1)}`)
    },
    close() {
      if (shownMs !== startMs) terminal.write('\r\x1b[K')
    },
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
