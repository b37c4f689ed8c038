import { ago, moment } from '../format';

/** A moment, relative; the exact time, in the user's zone, is its title. */
export function Ago({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={moment(at)} className="num">
      {ago(at, now)}
    </time>
  );
}
