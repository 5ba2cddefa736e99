// Whether this code has failpoints. The packages for npm are built with `false`, and hold nothing of them.
export const hasFailpoints = true as boolean
