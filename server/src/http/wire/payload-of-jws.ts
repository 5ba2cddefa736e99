// What a JWS of our own holds, for those who read it beside the proof.

/** @param jws - compact, with a JSON object as its payload; its signature is not checked here */
export function payloadOfJws(jws: string): Record<string, unknown> {
  const [, payload = ''] = jws.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}
