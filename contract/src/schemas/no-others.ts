/**
 * For bodies of Keyhold's own routes, which refuse unknown members. Such a member may be a misspelt one, such as a
 * context that would then bind nothing. The original's routes ignore unknown members.
 */
export const noOthers = { additionalProperties: false } as const
