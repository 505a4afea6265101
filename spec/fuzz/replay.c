/*
** replay.c - a plain main for a fuzz target: runs it once over the empty
** input and once over every file of the folders that are named.  A finding
** ends the process (a trap or a sanitizer's report).
*/
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LARGEST (1 << 20)

/* An exact allocation, so that a read past the end is seen. */
static int replay(const char *name) {
  static uint8_t bytes[LARGEST];
  uint8_t *copy;
  size_t n, i;
  FILE *file = fopen(name, "rb");
  if (!file) return 0;
  n = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  copy = malloc(n ? n : 1);
  if (!copy) return 0;
  for (i = 0; i < n; i++) copy[i] = bytes[i];
  printf("%s\n", name); /* the last one printed is the one that crashed */
  fflush(stdout);
  LLVMFuzzerTestOneInput(copy, n);
  free(copy);
  return 1;
}

static int replay_folder(const char *folder) {
  char name[4096];
  struct dirent *entry;
  int count = 0;
  DIR *dir = opendir(folder);
  if (!dir) return 0;
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
    count += replay(name);
  }
  closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  int i, count = 0;
  LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
  for (i = 1; i < argc; i++) count += replay_folder(argv[i]);
  printf("%d inputs\n", count);
  return 0;
}
