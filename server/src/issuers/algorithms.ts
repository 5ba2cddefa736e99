// The algorithms of signatures that an issuer may have: one family each, and none with a secret that both sides know.

interface Family {
  algorithms: readonly string[]
  /** `kty` of a JWK. */
  keyType: 'RSA' | 'EC' | 'OKP'
}

const families: readonly Family[] = [
  { algorithms: ['RS256', 'RS384', 'RS512'], keyType: 'RSA' },
  { algorithms: ['PS256', 'PS384', 'PS512'], keyType: 'RSA' },
  { algorithms: ['ES256', 'ES384', 'ES512'], keyType: 'EC' },
  { algorithms: ['EdDSA', 'Ed25519'], keyType: 'OKP' },
]

export const algorithmNames = families.flatMap(({ algorithms }) => algorithms)

/** The type of the keys of these algorithms. Undefined: they are not of one family. */
export function keyTypeOf(algorithms: readonly string[]): Family['keyType'] | undefined {
  return families.find((family) => algorithms.every((each) => family.algorithms.includes(each)))?.keyType
}
