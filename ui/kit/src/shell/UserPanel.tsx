/** How somebody wants things: language, light or dark, zone; and the way out. */

import { Button, SegmentedControl, Stack, Text, useMantineColorScheme } from "@mantine/core";
import type { ReactNode } from "react";
import { LOCALE_NAMES, LOCALES, type Locale, useSpeech, useTranslate } from "../i18n.tsx";
import { usePreferences, type Zone, zoneName } from "../preferences.tsx";
import { useSession } from "../session/SessionProvider.tsx";

export function UserPanel({ children }: { children?: ReactNode }) {
  const t = useTranslate();
  const { session } = useSession();
  const { locale, speak } = useSpeech();
  const { zone, setZone } = usePreferences();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Stack gap="sm">
      <div>
        <Text fw={600} className="kit-break">
          {session.name ?? session.subject}
        </Text>
        {session.name && session.name !== session.subject && (
          <Text size="xs" c="dimmed" className="kit-break">
            {session.subject}
          </Text>
        )}
        {children}
      </div>
      <label className="kit-field">
        <span>{t("user.language")}</span>
        <select value={locale} onChange={(event) => speak(event.currentTarget.value as Locale)}>
          {LOCALES.map((one) => (
            <option key={one} value={one} lang={one}>
              {LOCALE_NAMES[one]}
            </option>
          ))}
          {locale === "en-XA" && <option value="en-XA">en-XA</option>}
        </select>
      </label>
      <Choice
        label={t("user.scheme")}
        value={colorScheme}
        onChange={(value) => setColorScheme(value as "auto" | "light" | "dark")}
        data={(["auto", "light", "dark"] as const).map((value) => ({ value, label: t(`user.scheme.${value}`) }))}
      />
      <Choice
        label={t("user.zone")}
        value={zone}
        onChange={(value) => setZone(value as Zone)}
        data={[
          { value: "local", label: zoneName("local") },
          { value: "utc", label: "UTC" },
        ]}
      />
      <Button variant="default" onClick={() => session.signOut()}>
        {t("user.signOut")}
      </Button>
    </Stack>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  data: { value: string; label: string }[];
}

function Choice({ label, value, onChange, data }: ChoiceProps) {
  return (
    <fieldset className="kit-field kit-bare">
      <legend>{label}</legend>
      <SegmentedControl fullWidth size="xs" value={value} onChange={onChange} data={data} />
    </fieldset>
  );
}
