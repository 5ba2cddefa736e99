// A body has its bytes in the budget from the first one on. One that arrives slowly would keep others unread, so it must
// arrive in time while others wait.

// How fast a body arrives at least, while bodies of others wait. The longest one has three and a half seconds, which is less
// than others wait.
const graceMs = 1_500
const bytesPerMs = 16_384

const lookMs = 250

/**
 * @param bytes - the length of the body, or what is counted for it
 * @param isWanted - whether somebody else waits for room
 * @param expel - is called once, if the body is late
 * @returns ends the watch: the body is there
 */
export function watchArrival(bytes: number, isWanted: () => boolean, expel: () => void): () => void {
  let look: NodeJS.Timeout
  function lookAgain(): void {
    if (isWanted()) expel()
    else look = setTimeout(lookAgain, lookMs)
  }
  look = setTimeout(lookAgain, graceMs + bytes / bytesPerMs)
  return () => {
    clearTimeout(look)
  }
}
