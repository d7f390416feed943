/**
 * A program that only reports that it runs: the baseline of every compiled program.
 *
 * @module
 */
console.log('{"event":"listening"}');
