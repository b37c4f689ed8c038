// The dashboard's tests, with its sequence of messages spoilt while $BACKSTOP_PLANTED is set: a delta across a gap is applied.
import { mergeConfig } from '../../frontend/node_modules/vite/dist/node/index.js';
import config from '../../frontend/vite.config.ts';

const NOTICES = /this\.#awaitingSnapshot = true;\s+this\.#held = \[message\];\s+return \{ apply: \[\], resync: true \};/;
const APPLIES = 'this.#last = message.seq; return { apply: [message], resync: false };';

const spoil = {
  name: 'planted-gap',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/src/live/sequence.ts')) return null;
    if (!NOTICES.test(code)) throw new Error('sequence.ts does not notice gaps where it did: mend this mutant');
    return code.replace(NOTICES, APPLIES);
  },
};

export default mergeConfig(config, { plugins: process.env.BACKSTOP_PLANTED ? [spoil] : [] });
