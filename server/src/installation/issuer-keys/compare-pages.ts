// Compares the public pages of the issuer, as the internet sees them, with what this installation would serve.

/** A page as it was fetched; undefined: it is no JSON object; `unfetched`: why it is not there is told already. */
export interface FetchedPages {
  discovery: Readonly<Record<string, unknown>> | 'unfetched' | undefined
  keySet: Readonly<Record<string, unknown>> | 'unfetched' | undefined
}

/** Answers what is wrong, one sentence each; none: clouds can check the tokens. */
export function comparePages(
  { discovery, keySet }: FetchedPages,
  { issuer, keySetUrl, publicKeys }: { issuer: string; keySetUrl: string; publicKeys: readonly object[] },
): string[] {
  const problems: string[] = []
  if (discovery === undefined) problems.push('The discovery document is no JSON object.')
  else if (discovery !== 'unfetched') {
    if (discovery.issuer !== issuer)
      problems.push(`The discovery document names another issuer than ${issuer}.`)
    if (discovery.jwks_uri !== keySetUrl)
      problems.push(`The discovery document names another key set than ${keySetUrl}.`)
  }
  if (keySet === undefined) return [...problems, 'The key set is no JSON object.']
  if (keySet === 'unfetched') return problems
  const served = new Map(keysIn(keySet).map((key) => [String(key.kid), key]))
  const own = new Map(keysIn({ keys: publicKeys }).map((key) => [String(key.kid), key]))
  for (const [kid, { n, e }] of own) {
    const found = served.get(kid)
    if (found === undefined) problems.push(`The key set lacks the key ${kid}.`)
    else if (found.n !== n || found.e !== e)
      problems.push(`The key set has another key under the name ${kid}.`)
  }
  for (const kid of served.keys()) {
    // It is no fault of a copy that it still has a key that has ended; but nobody else may sign as this installation.
    if (!own.has(kid)) problems.push(`The key set has a key that this installation does not publish: ${kid}.`)
  }
  return problems
}

function keysIn({ keys }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(keys)) return []
  return keys.filter((key): key is Record<string, unknown> => typeof key === 'object' && key !== null)
}
