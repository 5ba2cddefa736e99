// How much room a text takes on a terminal: letters of East Asia and many emoji take two columns, accents none.
import stringWidth from 'string-width'

const segmenter = new Intl.Segmenter()

export function widthOf(text: string): number {
  return stringWidth(text)
}

/** The text with blanks up to a width. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** As much of the text as fits. */
export function cutTo(text: string, width: number): string {
  let cut = ''
  let left = width
  for (const { segment } of segmenter.segment(text)) {
    left -= widthOf(segment)
    if (left < 0) break
    cut += segment
  }
  return cut
}
