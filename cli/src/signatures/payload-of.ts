/** The payload of a compact JWS, for reading: nothing is verified here. Null: it is none. */
export function payloadOf(jws: string): Record<string, unknown> | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
    return typeof payload === 'object' && payload !== null ? { ...payload } : null
  } catch {
    return null
  }
}
