// How long everything runs. With more rounds the ratios settle; a quick run shows the same things less precisely.

export interface Sizes {
  /** How long one side works before the other one's turn. */
  sliceMs: number
  /** Turns that each side has. */
  rounds: number
  valueBytes: number[]
  loadSliceMs: number
  loadRounds: number
  /** How long each server gets load before anything counts. */
  warmUpMs: number
  /** Migrations beside bare loops: how many cipherkeys each has, and how many turns each side. */
  migrations: { cipherkeys: number; rounds: number }[]
  /** Keys that move with a pair of KMS calls each. */
  kmsPairs: number
  /** Sizes of migrations, each compared with the first. */
  growthCipherkeys: number[]
  /** Cipherkeys that are migrated beside traffic. */
  besideTraffic: number
  fileMebibytes: number
  fileRounds: number
  /** Encryptions and decryptions whose KMS calls are counted. */
  dataOperations: number
  /** The same for a side that calls a KMS for every value. */
  envelopes: number
}

export const full: Sizes = {
  sliceMs: 200,
  rounds: 9,
  valueBytes: [1_024, 16_384, 1_048_576],
  loadSliceMs: 3_000,
  loadRounds: 7,
  warmUpMs: 5_000,
  migrations: [
    { cipherkeys: 100_000, rounds: 3 },
    { cipherkeys: 1_000_000, rounds: 1 },
  ],
  kmsPairs: 2_000,
  growthCipherkeys: [10_000, 100_000, 1_000_000],
  besideTraffic: 200_000,
  fileMebibytes: 100,
  fileRounds: 7,
  dataOperations: 1_000_000,
  envelopes: 200,
}

export const quick: Sizes = {
  sliceMs: 25,
  rounds: 2,
  valueBytes: [1_024, 16_384, 1_048_576],
  loadSliceMs: 400,
  loadRounds: 2,
  warmUpMs: 700,
  migrations: [{ cipherkeys: 5_000, rounds: 2 }],
  kmsPairs: 100,
  growthCipherkeys: [1_000, 5_000],
  besideTraffic: 2_000,
  fileMebibytes: 8,
  fileRounds: 2,
  dataOperations: 50_000,
  envelopes: 10,
}
