// How an attack ended.

/** The last one starts with what the warm one has kept outside of the database. */
export const ways = ['warm', 'cold', 'restart', 'restart with state'] as const
export type Way = (typeof ways)[number]

/**
 * Refused: something that works without the attack is refused, or the row is told of. No effect: everything is as without the
 * attack. Gap: a consequence that the threat model names. Broken: one that it does not name. Impossible: the tables themselves
 * cannot hold the lie.
 */
export type Verdict =
  | { is: 'no effect' | 'impossible' }
  | { is: 'refused'; by: string[] }
  | { is: 'gap'; gap: string; forbidden: string[] }
  | { is: 'broken'; forbidden: string[] }

export function textOf(verdict: Verdict): string {
  if (verdict.is === 'gap') return `GAP ${verdict.gap}`
  return verdict.is === 'broken' ? `BROKEN (${verdict.forbidden.join('; ')})` : verdict.is
}
