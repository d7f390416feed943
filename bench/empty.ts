/**
 * Next to nothing: says that it runs. What every compiled program costs.
 *
 * @module
 */
console.log('{"event":"listening"}');
