import { Button, Group, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { fieldErrors, toApiError } from '@/api/problem';
import { changePassword, sessionsKey } from '@/api/security';
import { Alert } from '@/shared/ui/Alert';
import { Panel } from '@/shared/ui/Panel';
import styles from './Security.module.css';

const LEAST = 8;
const EMPTY = { current_password: '', new_password: '', again: '' };

/** Changes the password of who knows it. */
export function Password() {
  const queries = useQueryClient();
  const form = useForm({
    initialValues: EMPTY,
    validate: {
      current_password: (value) => (value ? null : 'Enter the password you have now.'),
      new_password: (value) => (value.length >= LEAST ? null : `Use at least ${LEAST} characters.`),
      again: (value, { new_password }) => (value === new_password ? null : 'The two are not the same.'),
    },
  });
  const save = useMutation({
    mutationFn: ({ current_password, new_password }: typeof EMPTY) =>
      changePassword({ current_password, new_password }),
    onSuccess: () => {
      form.reset();
      void queries.invalidateQueries({ queryKey: sessionsKey });
    },
    onError: (thrown) =>
      form.setErrors(fieldErrors(toApiError(thrown), ['current_password', 'new_password'])),
  });
  const failure = save.error && toApiError(save.error);
  const message = form.errors.form ?? (failure && failure.errors.length === 0 ? failure.message : null);
  const field = (name: keyof typeof EMPTY, label: string, autoComplete: string) => (
    <PasswordInput
      label={label}
      autoComplete={autoComplete}
      data-testid={`password-${name}`}
      visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password', tabIndex: 0 }}
      {...form.getInputProps(name)}
    />
  );
  return (
    <Panel title="Password">
      <form className={styles.body} onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
        <Stack gap="md">
          {message && <Alert tone="danger">{message}</Alert>}
          {save.isSuccess && (
            <Alert tone="info">The password was changed. All other sessions have ended.</Alert>
          )}
          {field('current_password', 'Present password', 'current-password')}
          {field('new_password', `New password, at least ${LEAST} characters`, 'new-password')}
          {field('again', 'The new one again', 'new-password')}
          <Group>
            <Button type="submit" variant="default" loading={save.isPending} data-testid="password-save">
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
