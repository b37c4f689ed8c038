import { useState } from 'react';
import type { Position, ProtectionChange } from '@/api/types';
import { useLive } from '@/live/hooks';
import { type Decimal, parse, plain, sign, subtract } from '@/shared/decimal';
import { useDecimals } from './cells';
import {
  armedRungs,
  isReached,
  leftOpen,
  levelPrice,
  protectionChange,
  type Rung,
  readShare,
  resultAt,
} from './levels';
import { type Moving, type MovingErrors, movingChange, movingErrors, movingOf } from './moving';

/** A level as it stands in the draft. */
export interface DraftLevel {
  text: string;
  price: Decimal | null;
  /** USDT before fees when it is reached. */
  result: Decimal | null;
  error: string | null;
  /** It would act at once. */
  reached: boolean;
}

export interface ProtectionDraft {
  stop: DraftLevel;
  rungs: (Rung & DraftLevel)[];
  /** Why the ladder as a whole is not valid. */
  ladderError: string | null;
  moving: Moving;
  movingErrors: MovingErrors;
  /** What to ask for; null when nothing changed or something is not valid. */
  change: ProtectionChange | null;
  touched: boolean;
  setStop: (text: string) => void;
  setRung: (index: number, rung: Partial<Rung>) => void;
  addRung: () => void;
  removeRung: (index: number) => void;
  setMoving: (part: Partial<Moving>) => void;
  reset: () => void;
}

const NO_LEVEL = 'A price like 64000, or a distance from entry like 1.5%.';
const WHOLE: Decimal = { units: 1n, scale: 0 };

/**
 * Levels being edited. What was not touched follows the position, so that a stop that trails while the form is open
 * is not set back by it.
 */
export function useProtectionDraft(position: Position): ProtectionDraft {
  const [editedStop, setStop] = useState<string | null>(null);
  const [editedRungs, setRungs] = useState<readonly Rung[] | null>(null);
  const [editedMoving, setMoving] = useState<Moving | null>(null);
  const decimals = useDecimals(position.id);
  const last = useLive((state) => state.quotes[position.id]?.last ?? null);

  const stopText = editedStop ?? position.stop_loss ?? '';
  const ladder = editedRungs ?? armedRungs(position);
  const lastPrice = parse(last);

  function level(text: string, kind: 'stop' | 'target', share: Decimal | null): DraftLevel {
    const price = levelPrice(text, position, kind, decimals);
    const reached = price !== null && lastPrice !== null && isReached(price, lastPrice, position, kind);
    return {
      text,
      price,
      result: resultAt(position, price, share),
      error: price === null && (text.trim() || kind === 'target') ? NO_LEVEL : null,
      reached,
    };
  }

  const stop = level(stopText, 'stop', WHOLE);
  if (!stopText.trim() && position.stop_loss !== null) stop.error = 'A stop can be moved, not removed.';
  else if (stop.reached && editedStop !== null) {
    stop.error = `Not on the losing side of the last price ${last}.`;
  }
  const rungs = ladder.map((rung) => {
    const share = readShare(rung.portion);
    const drafted = { ...rung, ...level(rung.at, 'target', share) };
    if (drafted.error === null && (!share || sign(subtract(share, WHOLE)) > 0)) {
      drafted.error = 'Closes a share like 50%.';
    }
    return drafted;
  });
  const left = leftOpen(ladder);
  const ladderError = sign(left) < 0 ? 'Together they close more than 100%.' : null;
  const moving = editedMoving ?? movingOf(position);
  const wrong = movingErrors(moving);
  const valid =
    stop.error === null &&
    rungs.every(({ error }) => error === null) &&
    !ladderError &&
    Object.keys(wrong).length === 0;
  const asked = valid
    ? { ...protectionChange(position, stopText, ladder), ...movingChange(position, moving) }
    : {};

  return {
    stop,
    rungs,
    ladderError,
    moving,
    movingErrors: wrong,
    change: Object.keys(asked).length > 0 ? asked : null,
    touched: editedStop !== null || editedRungs !== null || editedMoving !== null,
    setStop,
    setRung: (index, rung) =>
      setRungs(ladder.map((old, place) => (place === index ? { ...old, ...rung } : old))),
    addRung: () => setRungs([...ladder, { at: '', portion: `${sign(left) > 0 ? plain(left) : '0'}%` }]),
    removeRung: (index) => setRungs(ladder.filter((_, place) => place !== index)),
    setMoving: (part) => setMoving({ ...moving, ...part }),
    reset: () => {
      setMoving(null);
      setStop(null);
      setRungs(null);
    },
  };
}
