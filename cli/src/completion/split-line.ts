// From the line that bash has so far to its words. Quotes and backslashes are taken away; nothing is expanded or run.

/** The last word is the one under the cursor; it is empty behind a blank. */
export function splitLine(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character
      word ??= ''
    } else if (character === quote) quote = undefined
    else if (character === '\\' && quote !== "'") word = (word ?? '') + line.charAt(++at)
    else word = (word ?? '') + character
  }
  return [...words, word ?? '']
}
