import { lazy, Suspense } from 'react';
import { useStore } from 'zustand';
import { confirmation } from '@/api/confirmation';

const IdentityQuestion = lazy(() => import('./IdentityQuestion'));

/** Shows itself while a request waits for a proof of who is there. */
export function ConfirmIdentity() {
  const answer = useStore(confirmation, (state) => state.answer);
  return (
    answer && (
      <Suspense>
        <IdentityQuestion answer={answer} />
      </Suspense>
    )
  );
}
