/**
 * For bodies of Keyhold's own routes: a member that is not named is refused, as it may be one that is misspelt, such as
 * a context that would then bind nothing. The original's routes ignore what they do not know.
 */
export const noOthers = { additionalProperties: false } as const
