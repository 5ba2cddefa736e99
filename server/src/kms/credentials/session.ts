// The sessions of roles that AWS STS answers.
import { KeyholdError } from '@keyhold/core'

/** Credentials of a session of the role. */
export interface SessionCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  /** By this process's clock, with which the AWS SDK compares it. */
  expiration: Date
}

/** The least that AWS offers. */
export const sessionSeconds = 900

// The AWS SDK compares the end of a session with this clock, so that no other one will do.
// oxlint-disable-next-line clock/database-clock
const localNowMs = () => Date.now()

/**
 * The end of a session that is asked for now. It lasts so long from the request on, whatever time AWS has. By a clock that is behind
 * AWS's, the moment that AWS names would come too late; by one that is ahead, every call would begin a session.
 */
export function sessionEnd(): Date {
  return new Date(localNowMs() + sessionSeconds * 1_000)
}

/** @throws KeyholdError `ERR_KMS_FAILED` where the answer has no session */
export function readSession(
  answered:
    | {
        AccessKeyId?: string | undefined
        SecretAccessKey?: string | undefined
        SessionToken?: string | undefined
      }
    | undefined,
  expiration: Date,
  details: { action: string; region: string },
): SessionCredentials {
  const { AccessKeyId, SecretAccessKey, SessionToken } = answered ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw new KeyholdError('ERR_KMS_FAILED', { details })
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration,
  }
}
