// The names in paths, for descriptions of the API.
import Type, { type TSchema } from 'typebox'
import { fingerprintPattern, keyNamePattern, limits, tenantIdPattern } from '../limits.ts'

/** By the name in the path. */
export const pathParameters: Readonly<Record<string, TSchema>> = {
  arnFingerPrint: Type.String({
    pattern: fingerprintPattern,
    maxLength: limits.maxFingerprintCharacters,
    description:
      'The fingerprint of a key provider: 32 lower-case hex characters, or the id of the tenant for the default one.',
    examples: ['0123456789abcdef0123456789abcdef'],
  }),
  keyName: Type.String({
    pattern: keyNamePattern,
    description: 'The name of a data key.',
    examples: ['default'],
  }),
  tenantId: Type.String({ pattern: tenantIdPattern, description: 'The id of a tenant.', examples: ['acme'] }),
  migrationId: id('a migration or rotation'),
  destructionId: id('a destruction'),
  apiKeyId: id('an API key'),
  sessionId: id('a session'),
  setupLinkId: id('a setup link'),
}

function id(of: string): TSchema {
  return Type.String({
    description: `The id of ${of}.`,
    examples: ['5f0c3f0e-7d3a-4c8e-9b1f-2a6d8e4b7c90'],
  })
}
