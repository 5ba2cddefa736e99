// The samples of a document: its fenced blocks, and what their first lines say about how they are tested.
//
// - `sh run`: runs in the shell of the page, after the samples before it.
// - `sh tested-by=FILE`: that test does what the sample says.
// - `json reply`: the last sample that ran has printed something of this form.
// - `… file=NAME`: the sample is a file in the folder in which the page runs.
import { readFileSync } from 'node:fs'

export interface Sample {
  language: string
  /** After the language. Empty: nobody tests it. */
  mark: string
  text: string
  /** Of its first line in the document. */
  line: number
}

const fence = /^( *)```([^\s`]*)(?: +([^\n`]*))?\n([\s\S]*?)^\1```$/gm

export function samplesOf(file: string): Sample[] {
  const markdown = readFileSync(file, 'utf8')
  return [...markdown.matchAll(fence)].map(
    ({ index, 1: indent = '', 2: language = '', 3: mark = '', 4: text = '' }) => ({
      language,
      mark: mark.trim(),
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: markdown.slice(0, index).split('\n').length,
    }),
  )
}

/** The value behind a name such as `file=` in the mark of a sample. */
export function valueOf(sample: Sample, name: string): string | undefined {
  const prefix = `${name}=`
  return sample.mark.startsWith(prefix) ? sample.mark.slice(prefix.length) : undefined
}
