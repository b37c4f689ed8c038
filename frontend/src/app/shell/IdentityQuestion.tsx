import { Button, Group, Modal, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useStore } from 'zustand';
import { confirmIdentity } from '@/api/auth';
import { toApiError } from '@/api/problem';
import { session } from '@/api/session';
import { Alert } from '@/shared/ui/Alert';

/** Asks for the password or, with a second factor, for a code. */
export default function IdentityQuestion({ answer }: { answer: (proved: boolean) => void }) {
  const factor = useStore(session, ({ user }) => user?.second_factor ?? false);
  const [text, setText] = useState('');
  const prove = useMutation({
    mutationFn: () => confirmIdentity(factor ? { code: text.trim() } : { password: text }),
    onSuccess: () => answer(true),
  });
  const field = {
    value: text,
    onChange: (event: { currentTarget: { value: string } }) => setText(event.currentTarget.value),
    'data-autofocus': true,
    'data-testid': 'confirm-identity-proof',
  };
  return (
    <Modal opened onClose={() => answer(false)} title="Confirm that it is you" size={420}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text) prove.mutate();
        }}
      >
        <Stack gap="md">
          <span>This touches money or keys. It is then open for five minutes.</span>
          {factor ? (
            <TextInput
              label="Code of your authenticator, or a backup code"
              autoComplete="one-time-code"
              {...field}
            />
          ) : (
            <PasswordInput label="Password" autoComplete="current-password" {...field} />
          )}
          {prove.error && <Alert tone="danger">{toApiError(prove.error).message}</Alert>}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => answer(false)}>
              Cancel
            </Button>
            <Button type="submit" disabled={!text} loading={prove.isPending} data-testid="confirm-identity">
              Confirm
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
