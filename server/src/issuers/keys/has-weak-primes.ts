// Recognises RSA keys of chips that made guessable primes (CVE-2017-15361, "ROCA"): their moduli are powers of 65,537 by every small
// prime. Of a thousand million other keys four look like one.
const generator = 65_537
const primes = [
  ...[3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103],
  ...[107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167],
]

/** @param modulus - in base64url, as in a JWK */
export function hasWeakPrimes(modulus: string): boolean {
  const number = BigInt(`0x${Buffer.from(modulus, 'base64url').toString('hex')}`)
  return primes.every((prime) => isPower(Number(number % BigInt(prime)), prime))
}

function isPower(remainder: number, prime: number): boolean {
  let power = 1
  do {
    if (power === remainder) return true
    power = (power * (generator % prime)) % prime
  } while (power !== 1)
  return false
}
