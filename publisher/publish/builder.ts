/**
 * Which way snapshots are built, in every head. To be raised whenever rows that were published before give other bytes
 * than they did: two publishers of different versions would else take each other's snapshot for a divergence.
 */
export const BUILDER = 3;
