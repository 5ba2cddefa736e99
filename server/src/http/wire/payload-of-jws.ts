// The payload of a JWS of our own, which the wire shows beside the JWS.

/** @param jws - compact, with a JSON object as its payload; its signature is not verified here */
export function payloadOfJws(jws: string): Record<string, unknown> {
  const [, payload = ''] = jws.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}
