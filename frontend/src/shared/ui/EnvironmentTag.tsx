import { Tag, type Tone } from './Tag';

const TONES: Record<string, Tone> = { simulator: 'info', demo: 'info', testnet: 'warn', mainnet: 'alarm' };
const MEANING: Record<string, string> = {
  simulator: 'Simulator: no real exchange, no real money',
  demo: 'Bybit demo trading: no real money',
  testnet: 'Bybit testnet: no real money',
  mainnet: 'Bybit mainnet: real money',
};

/** Where orders go. Mainnet is unmistakable. */
export function EnvironmentTag({ environment }: { environment: string }) {
  return (
    <Tag tone={TONES[environment] ?? 'neutral'} caps title={MEANING[environment]}>
      {environment.toUpperCase()}
      {environment === 'mainnet' && ' · REAL MONEY'}
    </Tag>
  );
}
