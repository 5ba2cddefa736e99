// The internal KMS by Keyhold's own name. On the wire it has the names that the original's clients know.

export const internalKms = 'internal KMS'

/** The ARN of a key for people. */
export function kmsName(arn: string): string {
  return isInternalKms(arn) ? internalKms : arn
}

/** Whether an ARN on the wire stands for the internal KMS: a fixed word, or a handle where a migration came from it. */
export function isInternalKms(arn: string): boolean {
  return arn === '#QLIK_MANAGED_KEY_PROVIDER#' || /^v1:[^:]*:[^:]*$/.test(arn)
}
