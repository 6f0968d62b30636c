/* For each address family on its command line: the family and the errno of socket(2), 0 when it succeeds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int count, char **families) {
  for (int i = 1; i < count; i++)
    printf("%s %d\n", families[i], socket(atoi(families[i]), SOCK_DGRAM, 0) < 0 ? errno : 0);
  return 0;
}
