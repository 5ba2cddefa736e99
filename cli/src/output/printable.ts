// Names and messages come from other people. Terminal codes in them must not move the cursor, hide a line or reverse its
// direction.

// Control and format characters (which include bidirectional marks), line separators, and lone surrogates.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** The text, in which everything is escaped that does not print as a character of its own. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
}
